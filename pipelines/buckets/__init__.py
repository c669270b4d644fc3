"""Mirror of the published files in a bucket: uploads after each publish, downloads, and verification.

Modules here may import ``pipelines.storage``. The local data folder is authoritative; nothing is read from a bucket
except to restore a data folder, and to prove that no other program has changed it.
"""
