# Add to .pre-commit-config.yaml
repos:
  - repo: local
    hooks:
      - id: migrator-lint
        name: migrator lint
        entry: migrator lint
% if of_alembic:
        language: system # the environment that env.py needs
% else:
        language: python
        additional_dependencies: [expand-contract]
% endif
        files: ^${pattern|comment}
