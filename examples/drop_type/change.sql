DROP TYPE legacy_state;
