SELECT ${value|sql} FROM (<%include file="computed.sql.mako" args="new=new"/> FROM ${table|sql}) AS computed
