-- From where on what waits is looked for among all that was ever written.
CREATE INDEX messages_waiting ON messages (id) WHERE state IN ('pending', 'changes_requested');
