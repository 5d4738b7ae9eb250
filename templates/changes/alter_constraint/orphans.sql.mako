SELECT count(*) FROM ${table|sql} AS child
WHERE NOT EXISTS (
    SELECT FROM ${referenced|sql} AS parent WHERE true
% for column, key in pairs:
        AND parent.${key|ident} = child.${column|ident}
% endfor
)
% for column, _ in pairs:
    AND child.${column|ident} IS NOT NULL
% endfor
