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
% if of_alembic:
      # env.py is run in offline mode: install what it imports, and set the URL it reads; no database is needed
      - run: pip install "expand-contract[alembic]"
% else:
      - run: pip install expand-contract
% endif
      - run: migrator lint ${folder|comment} --since "origin/$GITHUB_BASE_REF" --format github
