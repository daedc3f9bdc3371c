"""Search: a query's vector, the segments nearest to it in the active space, and those put together by source.

Begin with :class:`nova_mme.search.searcher.Searcher`; the other modules are its parts, each of use alone.
"""
