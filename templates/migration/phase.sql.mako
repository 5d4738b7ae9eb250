-- ${phase|comment} of ${migration|comment}: ${purpose|comment}.
-- Level ${level|comment}. Run by: ${command|comment}
-- What runs is what stands here: review it, and change it if you must before it runs.
% for step in steps:

-- step: ${step["header"]|comment}
% for remark in step["remarks"]:
${remark|sql}
% endfor
${step["sql"]|sql};
% endfor
