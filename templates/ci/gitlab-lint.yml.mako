# Add to .gitlab-ci.yml
migrations-lint:
  image: python:3.12-slim
  rules:
    - if: $CI_PIPELINE_SOURCE == "merge_request_event"
  variables:
    GIT_DEPTH: 0 # --since looks at the history
  script:
    - apt-get update -qq && apt-get install -qq -y git
% if of_alembic:
    # env.py is run in offline mode: install what it imports, and set the URL it reads; no database is needed
    - pip install "expand-contract[alembic]"
% else:
    - pip install expand-contract
% endif
    - migrator lint ${folder|comment} --since "$CI_MERGE_REQUEST_DIFF_BASE_SHA" --format gitlab -o migrator.json
  artifacts:
    when: always
    reports:
      codequality: migrator.json
