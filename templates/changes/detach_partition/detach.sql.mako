ALTER TABLE ${table|sql} DETACH PARTITION ${partition|sql}\
% if concurrently:
 CONCURRENTLY\
% endif

