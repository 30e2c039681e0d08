//! What wit-bindgen makes of `wit/`: one world for each interface that a plugin may export. Each exported one carries its
//! own piece of the component's type, and the linker unites the pieces, so a plugin exports just what it implements.

#![allow(unsafe_code, missing_docs, reason = "generated")]

/// What every plugin may import, and the types that the interfaces share.
pub mod imports {
    wit_bindgen::generate!({
        path: "wit",
        inline: "
            package leveret:guest-imports;
            world imports {
                import leveret:plugin/log@0.1.0;
                import leveret:plugin/types@0.1.0;
                import wasi:config/store@0.2.0-rc.1;
            }
        ",
        generate_all,
        generate_unused_types: true,
    });
}

pub mod manifest {
    wit_bindgen::generate!({
        path: "wit",
        inline: "
            package leveret:guest-manifest;
            world manifest {
                export leveret:plugin/manifest@0.1.0;
            }
        ",
        pub_export_macro: true,
        export_macro_name: "export_manifest",
        default_bindings_module: "leveret_plugin::export::manifest",
    });
}

pub mod subscriber {
    wit_bindgen::generate!({
        path: "wit",
        inline: "
            package leveret:guest-subscriber;
            world subscriber {
                export leveret:plugin/subscriber@0.1.0;
            }
        ",
        with: { "leveret:plugin/types@0.1.0": crate::bindings::imports::leveret::plugin::types },
        pub_export_macro: true,
        export_macro_name: "export_subscriber",
        default_bindings_module: "leveret_plugin::export::subscriber",
    });
}

pub mod worker {
    wit_bindgen::generate!({
        path: "wit",
        inline: "
            package leveret:guest-worker;
            world worker {
                export leveret:plugin/worker@0.1.0;
            }
        ",
        with: { "leveret:plugin/types@0.1.0": crate::bindings::imports::leveret::plugin::types },
        pub_export_macro: true,
        export_macro_name: "export_worker",
        default_bindings_module: "leveret_plugin::export::worker",
    });
}

pub mod recovery {
    wit_bindgen::generate!({
        path: "wit",
        inline: "
            package leveret:guest-recovery;
            world recovery {
                export leveret:plugin/recovery@0.1.0;
            }
        ",
        with: { "leveret:plugin/types@0.1.0": crate::bindings::imports::leveret::plugin::types },
        pub_export_macro: true,
        export_macro_name: "export_recovery",
        default_bindings_module: "leveret_plugin::export::recovery",
    });
}

pub mod probe {
    wit_bindgen::generate!({
        path: "wit",
        inline: "
            package leveret:guest-probe;
            world probe {
                export leveret:plugin/probe@0.1.0;
            }
        ",
        pub_export_macro: true,
        export_macro_name: "export_probe",
        default_bindings_module: "leveret_plugin::export::probe",
    });
}

pub mod timekeeper {
    wit_bindgen::generate!({
        path: "wit",
        inline: "
            package leveret:guest-timekeeper;
            world timekeeper {
                export leveret:plugin/timekeeper@0.1.0;
            }
        ",
        pub_export_macro: true,
        export_macro_name: "export_timekeeper",
        default_bindings_module: "leveret_plugin::export::timekeeper",
    });
}

/// What a worker may be granted. A plugin that calls none of it imports none of it.
#[cfg(target_family = "wasm")]
pub mod grants {
    wit_bindgen::generate!({
        path: "wit",
        inline: "
            package leveret:guest-grants;
            world grants {
                import wasi:http/types@0.2.12;
                import wasi:http/outgoing-handler@0.2.12;
                import wasi:keyvalue/store@0.2.0-draft;
                import wasi:keyvalue/atomics@0.2.0-draft;
            }
        ",
        generate_all,
    });
}
