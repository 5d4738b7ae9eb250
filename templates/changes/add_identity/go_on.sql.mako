SELECT setval(${new|literal}, last_value, is_called) FROM ${old|sql}\
% if start is not None:
 WHERE last_value ${reaches|sql} ${start|literal}\
% endif
