"""`firesteel score`: files of rows answered by processes of this machine, by a Dask cluster, or on AWS."""
