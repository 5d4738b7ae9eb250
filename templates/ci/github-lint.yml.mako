# Copy to .github/workflows/migrations.yml
name: migrations
on: pull_request
permissions:
  contents: read
jobs:
  lint:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
        with:
          persist-credentials: false
          fetch-depth: 0 # --since looks at the history
      - uses: actions/setup-python@v5
        with:
          python-version: "3.12"
      - run: pip install "${package|comment}"
      - run: migrator lint ${folder|comment} --since "origin/$GITHUB_BASE_REF" --format github
