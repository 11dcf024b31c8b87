"""Imports and exports in the administration: upload, columns, preview, confirmation.

``ImportExportAdmin`` allows them for a model. Nothing is written before the
confirmation; after the upload every step names only the run in the ledger.
"""
