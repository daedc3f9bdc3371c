"""`local-features-1`, the stand-in that makes vectors on a laptop: classical features, not a model, and not Nova.

Words, colours, shapes and sound texture are compared, so that nearest neighbours mean something:

* text is lexical: words, pairs of words and pieces of words;
* a picture is its colours, their layout, its edges and its texture;
* a sound is the statistics of its mel spectrum;
* a video segment is its pictures (in the space of pictures), their change, and its sound.

What it cannot do: it knows no meaning. No synonyms and no translation; text finds no picture by what the
picture shows (at most by the words of its file name, see `Embedder`), and `embeddingPurpose` and
`detailLevel` change nothing. Nothing measured with it says anything about Nova's quality.
"""

NAME = "local-features-1"
DIMENSION = 3072
