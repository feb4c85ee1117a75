//! Statements put together from parts, for what diesel's own language cannot say.

use diesel::pg::Pg;
use diesel::sql_types::{BigInt, Text};
use diesel::sqlite::Sqlite;
use diesel::{QueryResult, QueryableByName, RunQueryDsl};

use super::Conn;

#[derive(Debug)]
enum Bind {
    Text(String),
    Number(i64),
}

/// A statement and what is bound in it. What comes from outside may only be bound.
#[derive(Debug, Default)]
pub struct Statement {
    text: String,
    binds: Vec<Bind>,
}

impl Statement {
    /// Adds SQL.
    pub fn push(&mut self, sql: impl AsRef<str>) -> &mut Self {
        self.text.push_str(sql.as_ref());
        self
    }

    /// Adds a place for a text. PostgreSQL refuses the character zero, which is in no text that it keeps.
    pub fn text(&mut self, value: &str) -> &mut Self {
        self.bind(Bind::Text(value.replace('\0', "\u{FFFD}")))
    }

    /// Adds a list of texts in brackets.
    pub fn texts<'t>(&mut self, values: impl Iterator<Item = &'t str>) -> &mut Self {
        self.push("(");
        for (position, value) in values.enumerate() {
            self.push(if position > 0 { ", " } else { "" }).text(value);
        }
        self.push(")")
    }

    /// Adds a place for a whole number.
    pub fn number(&mut self, value: i64) -> &mut Self {
        self.bind(Bind::Number(value))
    }

    /// "$1" is understood by both databases.
    fn bind(&mut self, bind: Bind) -> &mut Self {
        self.binds.push(bind);
        self.push(format!("${}", self.binds.len()))
    }

    /// Runs it; columns are found by their names.
    pub fn load<T>(self, conn: &mut Conn) -> QueryResult<Vec<T>>
    where
        T: QueryableByName<Sqlite> + QueryableByName<Pg> + 'static,
    {
        macro_rules! bound {
            ($backend:ty) => {
                self.binds.into_iter().fold(diesel::sql_query(self.text).into_boxed::<$backend>(), |query, bind| match bind {
                    Bind::Text(text) => query.bind::<Text, _>(text),
                    Bind::Number(number) => query.bind::<BigInt, _>(number),
                })
            };
        }
        match conn {
            Conn::Sqlite(inner) => bound!(Sqlite).load(inner),
            Conn::Postgres(inner) => bound!(Pg).load(inner),
        }
    }
}
