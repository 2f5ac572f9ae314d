-- The roles, where whoever migrates may create roles; 900_grants.sql grants to those that exist. They belong to the
-- whole server: another database may have made them already.

DO $$
DECLARE
    role text;
BEGIN
    FOREACH role IN ARRAY ARRAY['lookalike_reader', 'lookalike_writer'] LOOP
        CONTINUE WHEN EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = role);
        BEGIN
            EXECUTE pg_catalog.format('CREATE ROLE %I NOLOGIN', role);
        EXCEPTION
            WHEN duplicate_object OR unique_violation THEN
                NULL;  -- somebody else has just made it
            WHEN insufficient_privilege THEN
                RAISE WARNING 'role % does not exist and cannot be created by %', role, current_user;
        END;
    END LOOP;
END
$$;
