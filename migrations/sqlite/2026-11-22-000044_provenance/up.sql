-- Keys that sign what each mail says of where it comes from. A retired one signs nothing more and stays, so that its mail can
-- still be checked. All processes on this database share them.
CREATE TABLE provenance_keys (
    id TEXT PRIMARY KEY NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('current', 'retired', 'withdrawn')),
    public_key TEXT NOT NULL,
    private_key TEXT,
    created_at BIGINT NOT NULL,
    ended_at BIGINT,
    CHECK ((state = 'current') = (private_key IS NOT NULL))
);
CREATE UNIQUE INDEX provenance_keys_current ON provenance_keys (state) WHERE state = 'current';
