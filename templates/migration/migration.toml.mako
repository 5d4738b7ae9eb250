# What was authored and is reviewed together. The phase files beside this one are what runs.
id = ${id|toml}
level = ${level|toml}
title = ${title|toml}
% if code_is_later:
code = "later"
% endif
% if after_contract:
after_contract = ${after_contract|toml}
% endif
% for change in changes:

[[change]]
% for key, value in change.items():
${key|comment} = ${value|toml}
% endfor
% endfor
% if requires:

[requires]
% for service, requirement in requires.items():
${service|toml} = { level = ${requirement.level|toml}, reason = ${requirement.reason|toml} }
% endfor
% endif
% for table, facts in assumed.items():

% if loop.first:
# What the plan relies on; expand compares it with the database and refuses when it differs.
% endif
[assumed.${table|toml}]
kind = ${facts["kind"]|toml}
% for part in ("columns", "indexes"):
% if facts.get(part):

[assumed.${table|toml}.${part|comment}]
% for name, value in facts[part].items():
${name|toml} = ${value|toml}
% endfor
% endif
% endfor
% endfor

# Checksums of the files as they were generated, so that edits can be told.
[generated]
% for name, digest in generated.items():
${name|comment} = ${digest|toml}
% endfor
