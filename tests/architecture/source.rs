//! Reads Rust source: its modules, who imports whom, how long files and functions are.
//! Whatever stands under `#[cfg(test)]` is left out.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use proc_macro2::{Ident, Spacing, TokenStream, TokenTree};
use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{Attribute, Block, Item, Meta, Signature, UseTree};

/// A path as it is written, `["crate", "text", "clean"]`, or from the root of the crate on.
type Names = Vec<String>;

/// Texts of source files by their path from the root of the package.
pub(crate) struct Sources(BTreeMap<String, String>);

impl Sources {
    /// Reads every `.rs` file below `root/folder`.
    pub(crate) fn read(root: &Path, folder: &str) -> Self {
        let mut texts = BTreeMap::new();
        let mut folders = vec![folder.to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(root.join(&folder)).unwrap() {
                let entry = entry.unwrap();
                let path = format!("{folder}/{}", entry.file_name().to_str().unwrap());
                if entry.file_type().unwrap().is_dir() {
                    folders.push(path);
                } else if path.ends_with(".rs") {
                    texts.insert(path, fs::read_to_string(entry.path()).unwrap());
                }
            }
        }
        Self(texts)
    }

    /// Made-up files.
    pub(crate) fn of(files: &[(&str, &str)]) -> Self {
        let owned = |(path, text): &(&str, &str)| ((*path).to_owned(), (*text).to_owned());
        Self(files.iter().map(owned).collect())
    }

    /// The text of a file.
    pub(crate) fn text(&self, file: &str) -> &str {
        &self.0[file]
    }

    /// How many files there are.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

/// One file names something that another one holds.
#[derive(Debug, PartialEq)]
pub(crate) struct Import {
    /// The file that names it.
    pub(crate) from: String,
    /// The line in that file.
    pub(crate) line: usize,
    /// The file of the longest module prefix of the path.
    pub(crate) to: String,
}

/// A file names something of another crate.
#[derive(Debug)]
pub(crate) struct Outside {
    /// The file that names it.
    pub(crate) file: String,
    /// The line in that file.
    pub(crate) line: usize,
    /// The first two names of the path: `std::fs`.
    pub(crate) path: String,
}

/// A file or a function and the lines it takes.
#[derive(Debug)]
pub(crate) struct Length {
    /// The file.
    pub(crate) file: String,
    /// The line it starts on.
    pub(crate) line: usize,
    /// The name of the function; none for the file.
    pub(crate) function: Option<String>,
    /// How many lines.
    pub(crate) lines: usize,
}

/// What the source of a crate shows.
pub(crate) struct Crate {
    /// Files that a `mod` leads to, outside of tests.
    pub(crate) files: BTreeSet<String>,
    /// One for each two files, by the first line that imports.
    pub(crate) imports: Vec<Import>,
    /// Paths that lead to nothing of this crate.
    pub(crate) outside: Vec<Outside>,
    /// Of every file and function.
    pub(crate) lengths: Vec<Length>,
}

impl Crate {
    /// Follows `mod` from `src/lib.rs` and `src/main.rs` on.
    pub(crate) fn read(sources: &Sources) -> Self {
        let mut modules = Modules::default();
        let mut reading = Reading::default();
        let mut open = Vec::new();
        for (path, module) in [("src/lib.rs", vec![]), ("src/main.rs", vec!["main".into()])] {
            if sources.0.contains_key(path) {
                open.push((path.to_owned(), module));
            }
        }
        while let Some((path, module)) = open.pop() {
            let text = &sources.0[&path];
            let file = syn::parse_file(text).unwrap_or_else(|error| panic!("{path}: {error}"));
            let mut reader = FileReader {
                path: &path,
                module,
                tested: 0,
                children: Vec::new(),
                modules: &mut modules,
                reading: &mut reading,
            };
            reader.modules.enter(&reader.module, &path);
            reader.visit_file(&file);
            let lines = text.lines().count() - reader.tested;
            for child in reader.children {
                let names = child.join("/");
                let file = [format!("src/{names}.rs"), format!("src/{names}/mod.rs")]
                    .into_iter()
                    .find(|path| sources.0.contains_key(path));
                open.push((file.unwrap_or_else(|| panic!("{path}: mod {names}")), child));
            }
            reading.lengths.push(Length {
                file: path,
                line: 1,
                function: None,
                lines,
            });
        }
        let mut first: BTreeMap<(String, String), usize> = BTreeMap::new();
        let mut outside = Vec::new();
        for Named {
            file,
            line,
            module,
            names,
        } in reading.paths
        {
            let path = modules.absolute(&module, &names, 0);
            match path.and_then(|path| modules.file_of(&path)) {
                Some(to) if to != file => {
                    let known = first.entry((file, to)).or_insert(line);
                    *known = line.min(*known);
                }
                Some(_) => (),
                None => {
                    let path = names[..2].join("::");
                    outside.push(Outside { file, line, path });
                }
            }
        }
        let import = |((from, to), line)| Import { from, line, to };
        Self {
            imports: first.into_iter().map(import).collect(),
            outside,
            files: modules.files.into_values().collect(),
            lengths: reading.lengths,
        }
    }
}

/// The modules of a crate, by their path from its root.
#[derive(Default)]
struct Modules {
    files: BTreeMap<Names, String>,
    /// What `use` binds to a name, by module and name.
    bound: BTreeMap<(Names, String), Names>,
}

impl Modules {
    fn enter(&mut self, module: &[String], file: &str) {
        self.files.insert(module.to_vec(), file.to_owned());
    }

    /// The path from the root of the crate on; none for what is not of this crate.
    fn absolute(&self, module: &[String], names: &[String], depth: usize) -> Option<Names> {
        let (first, rest) = names.split_first()?;
        let from = |start: &[String]| Some([start, rest].concat());
        match first.as_str() {
            "crate" | "ip6drop" => from(&[]),
            "self" => from(module),
            "super" => {
                let parent = module.split_last()?.1;
                match rest.first().map(String::as_str) {
                    Some("super") => self.absolute(parent, rest, depth),
                    _ => from(parent),
                }
            }
            _ => {
                // A name can be bound to a path that starts with the same name.
                let key = (module.to_vec(), first.clone());
                let bound = self.bound.get(&key).filter(|_| depth < 8);
                if let Some(start) = bound.and_then(|it| self.absolute(module, it, depth + 1)) {
                    return from(&start);
                }
                let child = [module, &names[..1]].concat();
                self.files.contains_key(&child).then(|| from(&child))?
            }
        }
    }

    /// The file of the longest prefix that is a module.
    fn file_of(&self, path: &[String]) -> Option<String> {
        let prefixes = (0..=path.len()).rev().map(|length| &path[..length]);
        prefixes
            .into_iter()
            .find_map(|prefix| self.files.get(prefix))
            .cloned()
    }
}

/// A path where it is written.
struct Named {
    file: String,
    line: usize,
    module: Names,
    names: Names,
}

/// What was read so far.
#[derive(Default)]
struct Reading {
    paths: Vec<Named>,
    lengths: Vec<Length>,
}

/// Walks through one file.
struct FileReader<'a> {
    path: &'a str,
    /// The module that is read, at first that of the file.
    module: Names,
    /// Lines under `#[cfg(test)]`.
    tested: usize,
    /// Modules in files of their own.
    children: Vec<Names>,
    modules: &'a mut Modules,
    reading: &'a mut Reading,
}

impl FileReader<'_> {
    fn name(&mut self, line: usize, names: Names) {
        if names.len() > 1 {
            let (file, module) = (self.path.to_owned(), self.module.clone());
            self.reading.paths.push(Named {
                file,
                line,
                module,
                names,
            });
        }
    }

    fn use_tree(&mut self, tree: &UseTree, prefix: &[String]) {
        let (ident, bound) = match tree {
            UseTree::Path(path) => {
                let prefix = [prefix, &[path.ident.to_string()]].concat();
                return self.use_tree(&path.tree, &prefix);
            }
            UseTree::Group(group) => {
                return group
                    .items
                    .iter()
                    .for_each(|tree| self.use_tree(tree, prefix));
            }
            UseTree::Glob(glob) => {
                let line = glob.star_token.span.start().line;
                let names = [prefix, &["*".to_owned()]].concat();
                return self.name(line, names);
            }
            UseTree::Name(name) => (&name.ident, &name.ident),
            UseTree::Rename(rename) => (&rename.ident, &rename.rename),
        };
        let mut names = prefix.to_vec();
        let mut bound = bound.to_string();
        if ident != "self" {
            names.push(ident.to_string());
        } else if bound == "self" {
            bound = names.last().cloned().unwrap_or_default();
        }
        self.modules
            .bound
            .insert((self.module.clone(), bound), names.clone());
        self.name(ident.span().start().line, names);
    }

    /// Paths in what a macro or an attribute is given.
    fn tokens(&mut self, tokens: TokenStream) {
        let mut path: Option<(usize, Names)> = None;
        // Colons since the last name.
        let mut colons = 0;
        for token in tokens {
            match token {
                TokenTree::Ident(ident) => {
                    let joined = colons == 2;
                    colons = 0;
                    match &mut path {
                        Some((_, names)) if joined => names.push(ident.to_string()),
                        _ => {
                            let next = (ident.span().start().line, vec![ident.to_string()]);
                            self.flush(path.replace(next));
                        }
                    }
                    continue;
                }
                TokenTree::Punct(punct) if punct.as_char() == ':' => {
                    let follows = punct.spacing() == Spacing::Joint || colons == 1;
                    colons = if follows { colons + 1 } else { 3 };
                    continue;
                }
                TokenTree::Group(group) => self.tokens(group.stream()),
                TokenTree::Literal(literal) => {
                    // serde's `with = "module::of::it"`
                    let line = literal.span().start().line;
                    let text = literal.to_string();
                    let names = text.trim_matches('"').split("::");
                    self.name(line, names.map(str::to_owned).collect());
                }
                TokenTree::Punct(_) => (),
            }
            colons = 0;
            self.flush(path.take());
        }
        self.flush(path);
    }

    fn flush(&mut self, path: Option<(usize, Names)>) {
        if let Some((line, names)) = path {
            self.name(line, names);
        }
    }

    fn function(&mut self, signature: &Signature, block: &Block) {
        let line = signature.span().start().line;
        self.reading.lengths.push(Length {
            file: self.path.to_owned(),
            line,
            function: Some(signature.ident.to_string()),
            lines: block.span().end().line + 1 - line,
        });
    }
}

impl<'ast> Visit<'ast> for FileReader<'_> {
    fn visit_item(&mut self, item: &'ast Item) {
        if is_test(item) {
            self.tested += item.span().end().line + 1 - item.span().start().line;
        } else {
            visit::visit_item(self, item);
        }
    }

    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        self.module.push(item.ident.to_string());
        if item.content.is_some() {
            self.modules.enter(&self.module, self.path);
            visit::visit_item_mod(self, item);
        } else {
            self.children.push(self.module.clone());
        }
        self.module.pop();
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        self.use_tree(&item.tree, &[]);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        if path.leading_colon.is_none() {
            let names = path
                .segments
                .iter()
                .map(|segment| segment.ident.to_string());
            self.name(path.span().start().line, names.collect());
        }
        visit::visit_path(self, path);
    }

    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.function(&item.sig, &item.block);
        visit::visit_item_fn(self, item);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.function(&item.sig, &item.block);
        visit::visit_impl_item_fn(self, item);
    }

    fn visit_trait_item_fn(&mut self, item: &'ast syn::TraitItemFn) {
        if let Some(block) = &item.default {
            self.function(&item.sig, block);
        }
        visit::visit_trait_item_fn(self, item);
    }

    fn visit_macro(&mut self, item: &'ast syn::Macro) {
        self.tokens(item.tokens.clone());
        visit::visit_macro(self, item);
    }

    fn visit_attribute(&mut self, attribute: &'ast Attribute) {
        match &attribute.meta {
            Meta::List(list) => self.tokens(list.tokens.clone()),
            // Documentation is for readers: what it names is not imported.
            Meta::NameValue(_) | Meta::Path(_) => (),
        }
    }

    /// `pub(in path)` says who may see it, and imports nothing.
    fn visit_vis_restricted(&mut self, _: &'ast syn::VisRestricted) {}
}

/// True under `#[cfg(test)]`.
fn is_test(item: &Item) -> bool {
    let attributes = match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => return false,
    };
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg")
            && attribute
                .parse_args::<Ident>()
                .is_ok_and(|condition| condition == "test")
    })
}
