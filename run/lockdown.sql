-- The study's database reads /data and writes /outputs, and that for good.
SET autoinstall_known_extensions = false;
SET autoload_known_extensions = false;
SET allow_community_extensions = false;
SET allow_persistent_secrets = false;
SET temp_directory = '';          -- what does not fit in memory is an error, not a spill
SET enable_progress_bar = false;
SET TimeZone = 'UTC';
SET allowed_directories = ['/data', '/outputs', 'data', 'outputs'];
SET enable_external_access = false;
SET lock_configuration = true;
