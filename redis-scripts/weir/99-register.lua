--[[ weir_version: RETURNS this library's version, 'major.minor'. ]]
redis.register_function { function_name = 'weir_version', callback = function() return VERSION end, flags = { 'no-writes' } }
redis.register_function { function_name = 'weir_state', callback = weir_state, flags = { 'no-writes' } }
redis.register_function { function_name = 'weir_open', callback = weir_open, flags = { 'no-writes' } }
redis.register_function { function_name = 'weir_read', callback = weir_read, flags = { 'no-writes' } }
redis.register_function { function_name = 'weir_books', callback = weir_books, flags = { 'no-writes' } }
redis.register_function { function_name = 'weir_counted', callback = weir_counted, flags = { 'no-writes' } }
redis.register_function { function_name = 'weir_append', callback = weir_append }
redis.register_function { function_name = 'weir_retry', callback = weir_retry }
-- These make room, or keep what was accepted: a full Redis must not refuse them.
redis.register_function { function_name = 'weir_apply', callback = weir_apply, flags = { 'allow-oom' } }
redis.register_function { function_name = 'weir_define', callback = weir_define, flags = { 'allow-oom' } }
redis.register_function { function_name = 'weir_lease', callback = weir_lease, flags = { 'allow-oom' } }
redis.register_function { function_name = 'weir_workers', callback = weir_workers, flags = { 'allow-oom' } }
redis.register_function { function_name = 'weir_partitions', callback = weir_partitions, flags = { 'allow-oom' } }
redis.register_function { function_name = 'weir_settle', callback = weir_settle, flags = { 'allow-oom' } }
redis.register_function { function_name = 'weir_advance', callback = weir_advance, flags = { 'allow-oom' } }
redis.register_function { function_name = 'weir_retire', callback = weir_retire, flags = { 'allow-oom' } }
redis.register_function { function_name = 'weir_drop', callback = weir_drop, flags = { 'allow-oom' } }
