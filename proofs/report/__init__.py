"""What a session of proofs showed: ``report.json`` for machines, ``report.html`` for people."""

from proofs.report.files import write_report
from proofs.report.session import Session, Skipped

__all__ = ["Session", "Skipped", "write_report"]
