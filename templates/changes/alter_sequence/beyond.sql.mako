SELECT count(*) FROM ${sequence|sql} WHERE last_value NOT BETWEEN ${minimum|literal} AND ${maximum|literal}
