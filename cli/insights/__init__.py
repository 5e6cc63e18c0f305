"""CloudWatch Logs Insights QL on files: the part of the language that the queries of this project need, and no more.

`parser` makes syntax of text, `evaluate` checks it and runs it over the rows that `lines` reads. docs/logs.md says what
is assumed where AWS's documentation is silent.
"""
