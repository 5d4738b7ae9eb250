# Add to .gitlab-ci.yml
migrations-lint:
  image: python:3.12-slim
  rules:
    - if: $CI_PIPELINE_SOURCE == "merge_request_event"
  script:
    - pip install expand-contract
    - migrator lint ${folder|comment}
