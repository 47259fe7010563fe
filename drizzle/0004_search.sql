-- Searching for a part of a name. PostgreSQL's own contrib, and "trusted": the owner of a database may create it.
DO $$ BEGIN
  CREATE EXTENSION IF NOT EXISTS pg_trgm;
EXCEPTION WHEN OTHERS THEN
  RAISE EXCEPTION 'The database needs the extension pg_trgm, and % may not create it or it is not installed (%). Let a superuser run in the database %: CREATE EXTENSION pg_trgm; then start again. Where it is not available, install PostgreSQL''s contrib package first.',
    current_user, SQLERRM, current_database();
END $$;

CREATE INDEX users_parts ON users USING gin (folded gin_trgm_ops);
