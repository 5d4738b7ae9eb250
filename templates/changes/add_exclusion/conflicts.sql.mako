WITH compared AS MATERIALIZED (
    SELECT ctid AS place\
% for element in elements:
, ${element.value|sql} AS value_${loop.index|literal}\
% endfor
 FROM ${table|sql}
% if where:
    WHERE ${where|sql}
% endif
)
SELECT count(*) FROM compared AS one JOIN compared AS other ON one.place < other.place
% for element in elements:
    AND one.value_${loop.index|literal} ${element.operator|sql} other.value_${loop.index|literal}
% endfor
