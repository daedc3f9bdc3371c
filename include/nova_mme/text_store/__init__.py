"""Named stores: local text files, cut into chunks and kept in S3 Vectors under a name of one's own.

Begin with :class:`nova_mme.text_store.catalog.Catalog`; :class:`nova_mme.text_store.indexing.Indexing` fills a store.
"""
