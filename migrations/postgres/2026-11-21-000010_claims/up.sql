ALTER TABLE messages ADD COLUMN claims_supported INTEGER NOT NULL DEFAULT 0;
ALTER TABLE messages ADD COLUMN claims_open INTEGER NOT NULL DEFAULT 0;
ALTER TABLE messages ADD COLUMN claims_waived INTEGER NOT NULL DEFAULT 0;
CREATE TABLE claims (
    message_id TEXT NOT NULL,
    version INTEGER NOT NULL,
    position INTEGER NOT NULL,
    part TEXT NOT NULL CHECK (part IN ('subject', 'text', 'html')),
    start_at INTEGER NOT NULL,
    end_at INTEGER NOT NULL,
    words TEXT NOT NULL,
    sentence TEXT NOT NULL,
    claim_key TEXT NOT NULL,
    kind TEXT NOT NULL,
    hard BOOLEAN NOT NULL,
    verdict TEXT NOT NULL CHECK (verdict IN ('exact', 'quoted', 'stale', 'conflicting', 'unsupported')),
    fact_id TEXT REFERENCES facts (id),
    fact_version INTEGER,
    score INTEGER NOT NULL,
    reason TEXT NOT NULL,
    PRIMARY KEY (message_id, version, position),
    FOREIGN KEY (message_id, version) REFERENCES message_versions (message_id, version)
);
CREATE INDEX claims_by_fact ON claims (fact_id, message_id, version);
CREATE TABLE claim_waivers (
    message_id TEXT NOT NULL REFERENCES messages (id),
    claim_key TEXT NOT NULL,
    words TEXT NOT NULL,
    reason TEXT NOT NULL,
    actor_kind TEXT NOT NULL,
    actor_id TEXT NOT NULL,
    actor_name TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (message_id, claim_key)
);
CREATE TABLE promises (
    message_id TEXT NOT NULL REFERENCES messages (id),
    position INTEGER NOT NULL,
    contact_id TEXT NOT NULL REFERENCES contacts (id),
    fact_id TEXT REFERENCES facts (id),
    fact_version INTEGER,
    words TEXT NOT NULL,
    sentence TEXT NOT NULL,
    value_minor BIGINT,
    currency TEXT,
    made_at BIGINT NOT NULL,
    PRIMARY KEY (message_id, position)
);
CREATE INDEX promises_by_contact ON promises (contact_id, made_at);
CREATE INDEX promises_by_fact ON promises (fact_id, currency);
CREATE TABLE corrections (
    fact_id TEXT NOT NULL REFERENCES facts (id),
    fact_version INTEGER NOT NULL,
    contact_id TEXT NOT NULL REFERENCES contacts (id),
    message_id TEXT NOT NULL REFERENCES messages (id),
    PRIMARY KEY (fact_id, fact_version, contact_id)
);
CREATE TABLE match_judgements (
    churn_event_id TEXT NOT NULL REFERENCES churn_events (id),
    fact_id TEXT NOT NULL REFERENCES facts (id),
    score INTEGER NOT NULL,
    accepted BOOLEAN NOT NULL,
    judged_by TEXT NOT NULL,
    judged_at BIGINT NOT NULL,
    PRIMARY KEY (churn_event_id, fact_id)
);
CREATE TABLE model_runs (
    id TEXT PRIMARY KEY NOT NULL,
    churn_event_id TEXT NOT NULL REFERENCES churn_events (id),
    api TEXT NOT NULL CHECK (api IN ('openai', 'anthropic', 'ollama')),
    model TEXT NOT NULL,
    answered_by TEXT,
    prompt_version TEXT NOT NULL,
    sheet TEXT NOT NULL,
    prompt TEXT NOT NULL,
    answers TEXT NOT NULL,
    outcome TEXT NOT NULL CHECK (outcome IN ('model', 'mixed', 'playbook')),
    duration_ms BIGINT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX model_runs_by_event ON model_runs (churn_event_id, created_at);
ALTER TABLE variants ADD COLUMN drafter TEXT NOT NULL DEFAULT 'playbook' CHECK (drafter IN ('playbook', 'model'));
ALTER TABLE variants ADD COLUMN drafter_note TEXT;
ALTER TABLE variants ADD COLUMN model TEXT;
ALTER TABLE variants ADD COLUMN model_run_id TEXT REFERENCES model_runs (id);
CREATE TRIGGER fact_versions_refuse_change BEFORE UPDATE OR DELETE OR TRUNCATE ON fact_versions
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change('A version of a fact cannot be changed.');
CREATE TRIGGER claim_waivers_refuse_change BEFORE UPDATE OR DELETE OR TRUNCATE ON claim_waivers
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change('A waiver cannot be changed.');
CREATE TRIGGER promises_refuse_change BEFORE UPDATE OR DELETE OR TRUNCATE ON promises
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change('A promise that was sent cannot be changed.');

-- Whatever the code does, nothing enters the outbox while a hard claim in it rests on nothing.
CREATE FUNCTION outbox_needs_settled_claims() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM messages m WHERE m.id = NEW.message_id AND m.claims_open > 0) THEN
        RAISE EXCEPTION 'outbox row with an open claim';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER outbox_needs_settled_claims BEFORE INSERT OR UPDATE OF warrant_id ON outbox
    FOR EACH ROW EXECUTE FUNCTION outbox_needs_settled_claims();
