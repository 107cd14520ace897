//! What other programs can call: the items that `src/lib.rs` names for everybody, a line each.

use syn::spanned::Spanned;
use syn::{Attribute, Fields, ImplItem, Item, ItemImpl, Type, UseTree, Visibility};

use super::source::Sources;

/// The source of something, on one line.
fn source(of: &impl Spanned) -> String {
    let text = of.span().source_text().unwrap_or_default();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn is_public(visibility: &Visibility) -> bool {
    matches!(visibility, Visibility::Public(_))
}

/// The names at the end of a tree of imports.
fn leaves(tree: &UseTree, path: &mut Vec<String>, found: &mut Vec<(String, String)>) {
    match tree {
        UseTree::Path(part) => {
            path.push(part.ident.to_string());
            leaves(&part.tree, path, found);
            path.pop();
        }
        UseTree::Name(name) => found.push((path[1..].join("/"), name.ident.to_string())),
        UseTree::Group(group) => group
            .items
            .iter()
            .for_each(|tree| leaves(tree, path, found)),
        UseTree::Rename(_) | UseTree::Glob(_) => panic!("name it as it is: {}", source(tree)),
    }
}

fn attributes(all: &[Attribute]) -> impl Iterator<Item = String> {
    let shown = |attribute: &&Attribute| {
        attribute.path().is_ident("derive") || attribute.path().is_ident("non_exhaustive")
    };
    all.iter().filter(shown).map(source)
}

fn is_of(found: &ItemImpl, name: &str) -> bool {
    matches!(&*found.self_ty, Type::Path(path) if path.path.segments.last().is_some_and(|last| last.ident == name))
}

fn of_impl(found: &ItemImpl, name: &str) -> Vec<String> {
    if let Some((_, of, _)) = &found.trait_ {
        return vec![format!("impl {} for {name}", source(of))];
    }
    let line = |item: &ImplItem| match item {
        ImplItem::Fn(item) if is_public(&item.vis) => Some(source(&item.sig)),
        ImplItem::Const(item) if is_public(&item.vis) => {
            Some(format!("const {}: {}", item.ident, source(&item.ty)))
        }
        _ => None,
    };
    let lines = found.items.iter().filter_map(line);
    lines.map(|line| format!("{name}: {line}")).collect()
}

/// The lines of one type: itself, what it is made of as far as that is public, and what it can.
fn of_type(item: &Item, name: &str) -> Vec<String> {
    match item {
        Item::Struct(item) if item.ident == name => {
            let open = match &item.fields {
                Fields::Unit => Vec::new(),
                fields => fields
                    .iter()
                    .filter(|field| is_public(&field.vis))
                    .collect(),
            };
            let fields = open
                .iter()
                .map(|field| format!("{name}.{}", source(*field)));
            let head = format!("struct {name}{}", source(&item.generics));
            attributes(&item.attrs)
                .chain([head])
                .chain(fields)
                .collect()
        }
        Item::Enum(item) if item.ident == name => {
            let variants = item
                .variants
                .iter()
                .map(|variant| format!("{name}::{}", variant.ident));
            attributes(&item.attrs)
                .chain([format!("enum {name}")])
                .chain(variants)
                .collect()
        }
        Item::Impl(item) if is_of(item, name) => of_impl(item, name),
        _ => Vec::new(),
    }
}

/// Everything that is public, in the order of `src/lib.rs`.
pub(crate) fn surface(sources: &Sources) -> String {
    let root = syn::parse_file(sources.text("src/lib.rs")).unwrap();
    let mut named = Vec::new();
    let mut lines = Vec::new();
    for item in &root.items {
        match item {
            Item::Use(item) if is_public(&item.vis) => {
                leaves(&item.tree, &mut Vec::new(), &mut named);
            }
            Item::Mod(item) if is_public(&item.vis) => {
                let attributes: Vec<_> = item.attrs.iter().map(source).collect();
                assert!(
                    attributes.iter().any(|of| of == "#[doc(hidden)]"),
                    "{}",
                    item.ident
                );
            }
            _ => {}
        }
    }
    for (room, name) in named {
        let file = syn::parse_file(sources.text(&format!("src/{room}.rs"))).unwrap();
        let found: Vec<_> = file
            .items
            .iter()
            .flat_map(|item| of_type(item, &name))
            .collect();
        assert!(
            !found.is_empty(),
            "src/lib.rs names {name}, and src/{room}.rs has none"
        );
        lines.extend(found);
    }
    lines.join("\n") + "\n"
}
