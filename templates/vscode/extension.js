// The client: starts "migrator lsp" and lets vscode-languageclient do the rest.
"use strict";

const path = require("path");
const vscode = require("vscode");
const { LanguageClient } = require("vscode-languageclient/node");

const SELECTOR = ["sql", "postgres"].flatMap((language) => [
  { scheme: "file", language },
  { scheme: "untitled", language },
]);

/** @type {LanguageClient | undefined} */
let client;
/** @type {vscode.FileSystemWatcher | undefined} */
let watcher;

/** What to run, and where: a program with a slash in its name is looked for in the workspace folder. */
function executable() {
  const folder = vscode.workspace.workspaceFolders?.[0]?.uri.fsPath;
  const [program = "migrator", ...first] = vscode.workspace.getConfiguration("migrator").get("command", []);
  const isPath = program.includes("/") || program.includes(path.sep);
  const command = isPath && folder ? path.resolve(folder, program) : program;
  return { command, args: [...first, "lsp"], options: folder ? { cwd: folder } : {} };
}

async function start() {
  client = new LanguageClient("migrator", "migrator", executable(), {
    documentSelector: SELECTOR,
    synchronize: { fileEvents: watcher },
  });
  try {
    await client.start();
  } catch (error) {
    const { command } = executable();
    vscode.window.showErrorMessage(
      `migrator: "${command} lsp" does not start: ${error}. Install it with pip install 'expand-contract[lsp]', ` +
        "or name it in the setting migrator.command.",
    );
  }
}

async function stop() {
  const running = client;
  client = undefined;
  if (running?.needsStop()) await running.stop();
}

async function restart() {
  await stop();
  await start();
}

exports.activate = async (context) => {
  context.subscriptions.push(
    vscode.commands.registerCommand("migrator.restart", restart),
    vscode.workspace.onDidChangeConfiguration((event) => {
      if (event.affectsConfiguration("migrator.command")) return restart();
    }),
  );
  watcher = vscode.workspace.createFileSystemWatcher("**/{*.sql,migrator.toml,migration.toml,pyproject.toml}");
  context.subscriptions.push(watcher);
  await start();
};

exports.deactivate = stop;
