"""Batch scoring: a file of rows, cut into parts, each answered on its own by one bundle. Pure but for `run` and `place`.

The parts of a file and the bytes of their answers depend on the file, the bundle and the options alone. So it makes no
difference who answers them: processes of this machine, a Dask cluster, or Lambda under Step Functions.
"""
