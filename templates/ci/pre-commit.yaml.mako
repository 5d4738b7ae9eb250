# Add to .pre-commit-config.yaml
repos:
  - repo: local
    hooks:
      - id: migrator-lint
        name: migrator lint
        entry: migrator lint
        language: python
        additional_dependencies: ["${package|comment}"]
        files: ^${pattern|comment}
