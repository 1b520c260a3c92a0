--
-- Encrypted connections: four curves, two modes, two lengths of key.
--
SELECT endpoint FROM rtm_gate_status() \gset
SELECT secret FROM rtm_gate.project WHERE pid = 11000001 \gset
CREATE SERVER encrypted FOREIGN DATA WRAPPER rtm OPTIONS (endpoint :'endpoint', pid '11000001',
	encryption 'ecdh', public_key 'x');
-- a key has to be one
SELECT rtm_gate_public_key() AS key \gset
CREATE SERVER encrypted FOREIGN DATA WRAPPER rtm OPTIONS (endpoint :'endpoint', pid '11000001',
	encryption 'ecdh', public_key :'key');
CREATE USER MAPPING FOR CURRENT_USER SERVER encrypted OPTIONS (secret :'secret');
SELECT mid FROM rtm_send_group_message(51, 1, 900, 'a secret word', mid => 1, server => 'encrypted');
SELECT msg FROM rtm_get_group_message(1, 900, false, NULL);

-- Each combination: a long message there, and back.
CREATE FUNCTION with_options(curve text, mode text, bits int) RETURNS bool
LANGUAGE plpgsql AS $$
DECLARE
	body text := repeat(curve || mode || bits, 500);
	gid bigint := 901;
BEGIN
	EXECUTE format('ALTER SERVER encrypted OPTIONS (SET public_key %L)', rtm_gate_public_key());
	EXECUTE format('ALTER SERVER encrypted OPTIONS (ADD ecdh_mode %L, ADD ecdh_bits %L)', mode, bits);
	PERFORM rtm_send_group_message(51, 1, gid, body, server => 'encrypted');
	PERFORM rtm_send_group_message(51, 1, gid, body, server => 'encrypted');
	EXECUTE 'ALTER SERVER encrypted OPTIONS (DROP ecdh_mode, DROP ecdh_bits)';
	RETURN bool_and(msg = body) FROM rtm_get_group_message(1, gid, true, 2, server => 'rtm');
END $$;
SELECT rtm_gate_new_key('secp256k1') LIKE '-----BEGIN PUBLIC KEY-----%-----END PUBLIC KEY-----' AS made;
SELECT rtm_gate_public_key() LIKE '-----BEGIN PUBLIC KEY-----%-----END PUBLIC KEY-----' AS shown;
SELECT mode, bits, with_options('secp256k1', mode, bits) FROM unnest(ARRAY['stream', 'package']) mode, unnest(ARRAY[128, 256]) bits;
SELECT rtm_gate_new_key('secp256r1') LIKE '-----BEGIN PUBLIC KEY-----%' AS made;
SELECT mode, bits, with_options('secp256r1', mode, bits) FROM unnest(ARRAY['stream', 'package']) mode, unnest(ARRAY[128, 256]) bits;
SELECT rtm_gate_new_key('secp224r1') LIKE '-----BEGIN PUBLIC KEY-----%' AS made;
SELECT mode, bits, with_options('secp224r1', mode, bits) FROM unnest(ARRAY['stream', 'package']) mode, unnest(ARRAY[128, 256]) bits;
SELECT rtm_gate_new_key('secp192r1') LIKE '-----BEGIN PUBLIC KEY-----%' AS made;
SELECT mode, bits, with_options('secp192r1', mode, bits) FROM unnest(ARRAY['stream', 'package']) mode, unnest(ARRAY[128, 256]) bits;
SELECT rtm_gate_new_key('secp521r1');

-- The whole of a history, encrypted.
SELECT count(*) FROM rtm_get_group_message(1, 901, false, NULL, server => 'encrypted');

-- The key of another gate: no agreement, and nothing is sent.
ALTER SERVER encrypted OPTIONS (SET public_key :'key');
SELECT state FROM failure($$SELECT rtm_send_group_message(51, 1, 902, 'x', server => 'encrypted')$$);
SELECT count(*) FROM rtm_get_group_message(1, 902, false, NULL);
DROP FUNCTION with_options(text, text, int);
DROP SERVER encrypted CASCADE;
