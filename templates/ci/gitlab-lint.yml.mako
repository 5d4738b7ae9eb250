# Add to .gitlab-ci.yml
migrations-lint:
  image: python:3.12-slim
  rules:
    - if: $CI_PIPELINE_SOURCE == "merge_request_event"
  variables:
    GIT_DEPTH: 0 # --since looks at the history
  script:
    - apt-get update -qq && apt-get install -qq -y git
    - pip install "${package|comment}"
    - migrator lint ${folder|comment} --since "$CI_MERGE_REQUEST_DIFF_BASE_SHA" --format gitlab -o migrator.json
  artifacts:
    when: always
    reports:
      codequality: migrator.json
