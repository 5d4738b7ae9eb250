-- ${phase|comment} of ${migration|comment}: ${purpose|comment}.
-- Level ${level|comment}. Run by: ${command|comment}
-- What runs is what stands here: review it, and change it if you must before it runs.
% for step in steps:

-- step: ${step["header"]|comment}
% if step["locks"]:
-- locks: ${step["locks"]|comment}
% endif
-- why: ${step["why"]|comment}
% if step["verify"]:
-- verify: ${step["verify"]|comment}
% endif
% if step["loses"]:
-- loses: ${step["loses"]|comment}
% endif
${step["sql"]|sql};
% endfor
