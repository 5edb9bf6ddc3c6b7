-- Another local map comes: those that are there speak after it.
UPDATE vocabulary.known_map SET priority = priority + 1;
