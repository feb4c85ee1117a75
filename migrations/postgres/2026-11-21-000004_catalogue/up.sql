CREATE TABLE product_updates (
    id TEXT PRIMARY KEY NOT NULL,
    title TEXT NOT NULL,
    summary TEXT NOT NULL,
    features TEXT NOT NULL DEFAULT '[]',
    keywords TEXT NOT NULL DEFAULT '[]',
    shipped_on TEXT NOT NULL,
    url TEXT,
    created_by TEXT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX product_updates_by_date ON product_updates (shipped_on, id);
CREATE TABLE offers (
    id TEXT PRIMARY KEY NOT NULL,
    name TEXT NOT NULL,
    code TEXT NOT NULL UNIQUE,
    percent INTEGER NOT NULL CHECK (percent BETWEEN 1 AND 100),
    months INTEGER CHECK (months BETWEEN 1 AND 60),
    expires_on TEXT,
    eligible_reasons TEXT NOT NULL DEFAULT '[]',
    retired_at BIGINT,
    created_by TEXT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE TABLE plans (
    id TEXT PRIMARY KEY NOT NULL,
    name TEXT NOT NULL UNIQUE,
    price_minor BIGINT NOT NULL,
    currency TEXT NOT NULL,
    features TEXT NOT NULL DEFAULT '[]',
    created_at BIGINT NOT NULL
);
CREATE TABLE company_facts (
    name TEXT PRIMARY KEY NOT NULL,
    value TEXT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE TABLE customer_stories (
    id TEXT PRIMARY KEY NOT NULL,
    who TEXT NOT NULL,
    quote TEXT NOT NULL,
    outcome TEXT,
    plan_name TEXT,
    reason TEXT,
    created_at BIGINT NOT NULL
);
