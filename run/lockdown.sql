-- What a database of the sandbox may reach is said before; from here on it stays so.
SET autoinstall_known_extensions = false;
SET autoload_known_extensions = false;
SET allow_community_extensions = false;
SET allow_persistent_secrets = false;
SET temp_directory = '';          -- what does not fit in memory is an error, not a spill
SET enable_progress_bar = false;
SET TimeZone = 'UTC';
SET enable_external_access = false;
SET lock_configuration = true;
