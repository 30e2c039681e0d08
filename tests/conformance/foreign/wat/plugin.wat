;; A plugin of Leveret from the contract alone, by hand: the WIT in `wit/` and the canonical ABI of the component model. It
;; echoes `conformance.echoed`, and retries or rejects `conformance.asked` as it is told.
;;
;;     wat2wasm plugin.wat -o wat.wasm
;;     leveret build wat.wasm --out wat.component.wasm
(module
  (memory (export "memory") 2)

  ;; Texts.
  (data (i32.const 1024) "0.1.0")
  (data (i32.const 1040) "Echoes, retries and rejects, by hand.")
  (data (i32.const 1104) "conformance.echoed")
  (data (i32.const 1136) "conformance.asked")
  (data (i32.const 1168) "echo.make")
  (data (i32.const 1184) "\"do\":\"retry\"")
  (data (i32.const 1200) "\"do\":\"reject\"")
  (data (i32.const 1216) "\"reason\":\"")
  (data (i32.const 1232) "\"after\":")
  (data (i32.const 1248) "nobody taught me to do that")

  ;; The description: a text and a list each as address and length. All of the limits are none, which is zeros.
  (data (i32.const 128)
    "\00\04\00\00\05\00\00\00"  ;; version
    "\10\04\00\00\25\00\00\00"  ;; summary
    "\00\01\00\00\02\00\00\00"  ;; subscriptions
    "\30\01\00\00\01\00\00\00"  ;; emits
  )
  ;; The subscriptions: a name, and no schema.
  (data (i32.const 256)
    "\50\04\00\00\12\00\00\00" "\00\00\00\00\00\00\00\00\00\00\00\00"
    "\70\04\00\00\11\00\00\00" "\00\00\00\00\00\00\00\00\00\00\00\00"
  )
  ;; What it emits: likewise.
  (data (i32.const 304) "\90\04\00\00\09\00\00\00" "\00\00\00\00\00\00\00\00\00\00\00\00")

  (func (export "leveret:plugin/manifest@0.1.0#describe") (result i32)
    (i32.const 128))

  ;; Memory for the host to put arguments in: the next of what is free. It is never given back, since the next delivery gets
  ;; an instance of its own.
  (global $free (mut i32) (i32.const 65536))
  (func (export "cabi_realloc")
    (param $old i32) (param $old-size i32) (param $alignment i32) (param $size i32) (result i32)
    (local $at i32)
    (local $missing i32)
    (local.set $at (i32.and (i32.add (global.get $free) (i32.const 7)) (i32.const -8)))
    (global.set $free (i32.add (local.get $at) (local.get $size)))
    (local.set $missing (i32.sub (global.get $free) (i32.mul (memory.size) (i32.const 65536))))
    (if (i32.gt_s (local.get $missing) (i32.const 0))
      (then
        (if (i32.lt_s (memory.grow (i32.add (i32.div_u (local.get $missing) (i32.const 65536)) (i32.const 1))) (i32.const 0))
          (then unreachable))))
    (memory.copy (local.get $at) (local.get $old) (local.get $old-size))
    (local.get $at))

  ;; The result is 40 bytes at 320: whether it is an error, and at 8 either the list of tasks, or whether to reject, and at
  ;; 16 why, and for a retry at 24 whether to wait and at 32 how long.
  (func (export "leveret:plugin/subscriber@0.1.0#on-event")
    (param $name i32) (param $name-size i32) (param $id i32) (param $id-size i32) (param $tid i32) (param $tid-size i32)
    (param $time i64) (param $has-source i32) (param $source i32) (param $source-size i32)
    (param $payload i32) (param $payload-size i32) (param $headers i32) (param $header-count i32)
    (result i32)
    (local $found i32)
    (if (call $find (local.get $name) (local.get $name-size) (i32.const 1104) (i32.const 18))
      (then (return (call $echo (local.get $payload) (local.get $payload-size)))))
    (local.set $found (call $find (local.get $payload) (local.get $payload-size) (i32.const 1184) (i32.const 12)))
    (if (local.get $found)
      (then
        (call $fail (i32.const 0) (local.get $payload) (local.get $payload-size))
        (call $wait (local.get $payload) (local.get $payload-size))
        (return (i32.const 320))))
    (local.set $found (call $find (local.get $payload) (local.get $payload-size) (i32.const 1200) (i32.const 13)))
    (if (local.get $found)
      (then
        (call $fail (i32.const 1) (local.get $payload) (local.get $payload-size))
        (return (i32.const 320))))
    (call $because (i32.const 1) (i32.const 1248) (i32.const 27))
    (i32.const 320))

  ;; One task, 36 bytes at 384: name, payload, no key, no headers.
  (func $echo (param $payload i32) (param $payload-size i32) (result i32)
    (i32.store (i32.const 384) (i32.const 1168))
    (i32.store (i32.const 388) (i32.const 9))
    (i32.store (i32.const 392) (local.get $payload))
    (i32.store (i32.const 396) (local.get $payload-size))
    (i32.store (i32.const 328) (i32.const 384))
    (i32.store (i32.const 332) (i32.const 1))
    (i32.const 320))

  ;; Fails for the reason that the payload gives.
  (func $fail (param $reject i32) (param $payload i32) (param $size i32)
    (local $from i32)
    (local $to i32)
    (local.set $from (call $find (local.get $payload) (local.get $size) (i32.const 1216) (i32.const 10)))
    (if (i32.eqz (local.get $from)) (then unreachable))
    (local.set $to (local.get $from))
    (loop $next
      (if (i32.ne (i32.load8_u (local.get $to)) (i32.const 34)) ;; the closing quotation mark
        (then
          (local.set $to (i32.add (local.get $to) (i32.const 1)))
          (br $next))))
    (call $because (local.get $reject) (local.get $from) (i32.sub (local.get $to) (local.get $from))))

  (func $because (param $reject i32) (param $reason i32) (param $size i32)
    (i32.store8 (i32.const 320) (i32.const 1))
    (i32.store8 (i32.const 328) (local.get $reject))
    (i32.store (i32.const 336) (local.get $reason))
    (i32.store (i32.const 340) (local.get $size)))

  ;; Waits for as many milliseconds as the payload says, if it does.
  (func $wait (param $payload i32) (param $size i32)
    (local $digit i32)
    (local $at i32)
    (local.set $at (call $find (local.get $payload) (local.get $size) (i32.const 1232) (i32.const 8)))
    (if (i32.eqz (local.get $at)) (then return))
    (i32.store8 (i32.const 344) (i32.const 1))
    (loop $next
      (local.set $digit (i32.sub (i32.load8_u (local.get $at)) (i32.const 48)))
      (if (i32.lt_u (local.get $digit) (i32.const 10))
        (then
          (i64.store (i32.const 352)
            (i64.add (i64.mul (i64.load (i32.const 352)) (i64.const 10)) (i64.extend_i32_u (local.get $digit))))
          (local.set $at (i32.add (local.get $at) (i32.const 1)))
          (br $next)))))

  ;; Where a text goes on after a word in it; 0 if the word is not there.
  (func $find (param $text i32) (param $size i32) (param $word i32) (param $length i32) (result i32)
    (local $last i32)
    (local.set $last (i32.sub (i32.add (local.get $text) (local.get $size)) (local.get $length)))
    (loop $next
      (if (i32.gt_s (local.get $text) (local.get $last)) (then (return (i32.const 0))))
      (if (call $begins (local.get $text) (local.get $word) (local.get $length))
        (then (return (i32.add (local.get $text) (local.get $length)))))
      (local.set $text (i32.add (local.get $text) (i32.const 1)))
      (br $next))
    unreachable)

  (func $begins (param $text i32) (param $word i32) (param $length i32) (result i32)
    (local $at i32)
    (loop $next
      (if (i32.eq (local.get $at) (local.get $length)) (then (return (i32.const 1))))
      (if (i32.ne
            (i32.load8_u (i32.add (local.get $text) (local.get $at)))
            (i32.load8_u (i32.add (local.get $word) (local.get $at))))
        (then (return (i32.const 0))))
      (local.set $at (i32.add (local.get $at) (i32.const 1)))
      (br $next))
    unreachable)
)
