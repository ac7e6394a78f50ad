"""The claims of the five documents in their order: each is a function that checks it, its docstring the row's text."""

from __future__ import annotations

from mnist_lr_helpers.reproduction.claims import s0, s1, s2, s3, s4
from mnist_lr_helpers.reproduction.ledger import claims_of

CLAIMS = {name: claim for document in (s0, s1, s2, s3, s4) for name, claim in claims_of(document).items()}
