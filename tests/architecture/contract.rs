//! The contract explains itself: whoever writes a plugin reads `wit/` and nothing else of the project.

use wit_parser::{Docs, Resolve, TypeDefKind};

use super::source::root;

#[test]
fn everything_in_the_contract_is_explained() {
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_dir(root().join("wit")).expect("the contract is legal");
    let mut mute = Vec::new();
    let mut expect = |what: String, docs: &Docs| {
        if docs.contents.as_deref().is_none_or(|text| text.trim().is_empty()) {
            mute.push(what);
        }
    };
    let package = &resolve.packages[package];
    expect(package.name.to_string(), &package.docs);
    for (name, id) in &package.worlds {
        expect(format!("world {name}"), &resolve.worlds[*id].docs);
    }
    for (interface, id) in &package.interfaces {
        let interface_docs = &resolve.interfaces[*id];
        expect(format!("interface {interface}"), &interface_docs.docs);
        for (function, docs) in interface_docs.functions.iter().map(|(name, function)| (name, &function.docs)) {
            expect(format!("{interface}.{function}"), docs);
        }
        for (name, id) in &interface_docs.types {
            let kind = &resolve.types[*id];
            let path = format!("{interface}.{name}");
            let parts: Vec<(&String, &Docs)> = match &kind.kind {
                // A name taken over by `use`, which is explained where it comes from.
                TypeDefKind::Type(_) => continue,
                TypeDefKind::Record(record) => record.fields.iter().map(|it| (&it.name, &it.docs)).collect(),
                TypeDefKind::Variant(variant) => variant.cases.iter().map(|it| (&it.name, &it.docs)).collect(),
                TypeDefKind::Enum(kind) => kind.cases.iter().map(|it| (&it.name, &it.docs)).collect(),
                TypeDefKind::Flags(flags) => flags.flags.iter().map(|it| (&it.name, &it.docs)).collect(),
                _ => Vec::new(),
            };
            expect(path.clone(), &kind.docs);
            for (part, docs) in parts {
                expect(format!("{path}.{part}"), docs);
            }
        }
    }
    assert!(mute.is_empty(), "without a `///` comment in wit/: {}", mute.join(", "));
}
