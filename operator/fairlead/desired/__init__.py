"""4 build: one file per kind of object. Builders are nouns; they return a whole manifest and edit nothing."""
