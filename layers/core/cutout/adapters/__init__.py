"""One file per AWS service. `ClientError` is translated here and nowhere else."""
