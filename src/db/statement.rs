//! Statements put together from parts, for what diesel's own language cannot say.

use diesel::QueryResult;
use diesel::QueryableByName;
use diesel::RunQueryDsl;
use diesel::pg::Pg;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::{BigInt, Text, Untyped};
use diesel::sqlite::Sqlite;

use super::Conn;

#[derive(Debug)]
enum Part {
    Sql(String),
    Text(String),
    Number(i64),
    /// A JSON array of texts: ` IN (…)`.
    Among(String),
    /// A JSON array of arrays of texts, read as a table with these columns.
    Rows(String, &'static [&'static str]),
}

/// Keeps the row with this id from others until the transaction ends, so that whoever writes it back as a whole undoes nothing
/// that came between. On SQLite one transaction writes at a time.
pub fn hold(conn: &mut Conn, table: &'static str, id: &str) -> QueryResult<()> {
    if matches!(conn, Conn::Sqlite(_)) {
        return Ok(());
    }
    let mut statement = Statement::default();
    statement.push("SELECT id FROM ").push(table).push(" WHERE id = ").text(id).push(" FOR NO KEY UPDATE");
    statement.run(conn).map(drop)
}

/// A statement and what is bound in it. What comes from outside may only be bound.
#[derive(Debug, Default)]
pub struct Statement {
    parts: Vec<Part>,
    kept: bool,
}

impl Statement {
    /// One whose text is always the same: each connection prepares it once.
    pub fn kept() -> Self {
        Statement { parts: vec![], kept: true }
    }

    /// Adds SQL.
    pub fn push(&mut self, sql: impl AsRef<str>) -> &mut Self {
        self.parts.push(Part::Sql(sql.as_ref().to_owned()));
        self
    }

    /// Adds all of another statement.
    pub fn append(&mut self, other: Statement) -> &mut Self {
        self.parts.extend(other.parts);
        self
    }

    /// Adds a place for a text. PostgreSQL refuses the character zero, which is in no text that it keeps.
    pub fn text(&mut self, value: &str) -> &mut Self {
        self.parts.push(Part::Text(value.replace('\0', "\u{FFFD}")));
        self
    }

    /// Adds a list of texts in brackets.
    pub fn texts<'t>(&mut self, values: impl Iterator<Item = &'t str>) -> &mut Self {
        self.push("(");
        for (position, value) in values.enumerate() {
            self.push(if position > 0 { ", " } else { "" }).text(value);
        }
        self.push(")")
    }

    /// Adds the condition to be one of these texts. However many they are, the text of the statement is the same.
    pub fn among<'t>(&mut self, values: impl Iterator<Item = &'t str>) -> &mut Self {
        let values: Vec<&str> = values.collect();
        self.parts.push(Part::Among(json(&values)));
        self
    }

    /// Adds a table of texts in brackets, with these columns.
    pub fn rows(&mut self, columns: &'static [&'static str], values: &[Vec<&str>]) -> &mut Self {
        self.parts.push(Part::Rows(json(values), columns));
        self
    }

    /// Adds a place for a whole number.
    pub fn number(&mut self, value: i64) -> &mut Self {
        self.parts.push(Part::Number(value));
        self
    }

    /// Runs it; columns are found by their names.
    pub fn load<T>(self, conn: &mut Conn) -> QueryResult<Vec<T>>
    where
        T: QueryableByName<Sqlite> + QueryableByName<Pg> + 'static,
    {
        match conn {
            Conn::Sqlite(inner) => self.get_results(inner),
            Conn::Postgres(inner) => self.get_results(inner),
        }
    }

    /// Runs it; how many rows it changed.
    pub fn run(self, conn: &mut Conn) -> QueryResult<usize> {
        match conn {
            Conn::Sqlite(inner) => self.execute(inner),
            Conn::Postgres(inner) => self.execute(inner),
        }
    }

    /// Writes the parts; `among` and `rows` say how this database reads a JSON array.
    fn write<'b, DB>(&'b self, mut out: AstPass<'_, 'b, DB>, among: [&str; 2], element: fn(usize) -> String, rows: [&str; 2]) -> QueryResult<()>
    where
        DB: diesel::backend::Backend + diesel::sql_types::HasSqlType<Text> + diesel::sql_types::HasSqlType<BigInt>,
        String: diesel::serialize::ToSql<Text, DB>,
        i64: diesel::serialize::ToSql<BigInt, DB>,
    {
        if !self.kept {
            out.unsafe_to_cache_prepared();
        }
        for part in &self.parts {
            match part {
                Part::Sql(sql) => out.push_sql(sql),
                Part::Text(text) => out.push_bind_param::<Text, _>(text)?,
                Part::Number(number) => out.push_bind_param::<BigInt, _>(number)?,
                Part::Among(json) => {
                    out.push_sql(among[0]);
                    out.push_bind_param::<Text, _>(json)?;
                    out.push_sql(among[1]);
                }
                Part::Rows(json, columns) => {
                    out.push_sql("(SELECT ");
                    for (position, column) in columns.iter().enumerate() {
                        out.push_sql(if position > 0 { ", " } else { "" });
                        out.push_sql(&element(position));
                        out.push_sql(" AS ");
                        out.push_sql(column);
                    }
                    out.push_sql(rows[0]);
                    out.push_bind_param::<Text, _>(json)?;
                    out.push_sql(rows[1]);
                }
            }
        }
        Ok(())
    }
}

/// Texts as JSON. PostgreSQL refuses the character zero.
fn json(values: &(impl serde::Serialize + ?Sized)) -> String {
    let text = serde_json::to_string(values).unwrap_or_default();
    if text.contains("\\u0000") { text.replace("\\u0000", "\u{FFFD}") } else { text }
}

impl QueryFragment<Sqlite> for Statement {
    fn walk_ast<'b>(&'b self, out: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        let element = |position| format!("value ->> {position}");
        self.write(out, [" IN (SELECT value FROM json_each(", "))"], element, [" FROM json_each(", "))"])
    }
}

impl QueryFragment<Pg> for Statement {
    fn walk_ast<'b>(&'b self, out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        // An array, so that the plan walks along an index instead of hashing a table.
        let among = [" = ANY (ARRAY(SELECT jsonb_array_elements_text(CAST(", " AS jsonb))))"];
        let element = |position| format!("value ->> {position}");
        self.write(out, among, element, [" FROM jsonb_array_elements(CAST(", " AS jsonb)))"])
    }
}

impl QueryId for Statement {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl Query for Statement {
    type SqlType = Untyped;
}

impl<C> RunQueryDsl<C> for Statement {}
