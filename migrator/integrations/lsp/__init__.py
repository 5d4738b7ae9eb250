"""The language server: what lint says of a file while it is written.

``documents`` lints the text of an editor in the place of a file of its history, ``answers`` puts findings, locks and
fixes into the words of the protocol, ``server`` speaks it over standard input and output. Needs the extra ``lsp``.
"""
