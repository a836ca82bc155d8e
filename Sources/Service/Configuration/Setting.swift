/// A setting of any type, as a command lists it.
package protocol AnySetting: Sendable {
    /// What all settings have, whatever their type.
    var declaration: SettingDeclaration { get }
}

/// One thing that a user can set: `--name` on the command line, a variable, a key of the configuration file, or a default.
///
/// The flag beats the variable, that beats the file, and that beats the default. A variable that is empty counts as not set.
/// Make it once, as a `static let`, list it in its `Command`, and read it with `settings[setting]`.
package struct Setting<Value: Sendable>: AnySetting {
    package let declaration: SettingDeclaration

    private init(
        name: String, shape: SettingDeclaration.Shape, placeholder: String, form: SettingDeclaration.Form,
        defaultText: String?, defaultValue: Value, environment: String?, key: String?, group: String, secret: Bool,
        help: String, bareText: String? = nil, read: @escaping @Sendable ([String]) throws(BadValue) -> Value
    ) {
        declaration = SettingDeclaration(
            name: name, shape: shape, bareText: bareText, placeholder: placeholder, form: form,
            defaultText: defaultText, defaultValue: defaultValue,
            environment: environment, key: key, group: group, isSecret: secret, help: help,
            read: { texts throws(BadValue) in try read(texts) })
    }

    /// A setting that always has a value.
    ///
    /// - Parameters:
    ///   - name: the option without its dashes.
    ///   - kind: how values are written.
    ///   - defaultValue: what holds where nobody sets it.
    ///   - environment: the variable, `WEIR_…`.
    ///   - key: the path in the configuration file, parts joined by dots.
    ///   - placeholder: what stands for the value in the help; the kind's if nil.
    ///   - group: the heading in the help.
    ///   - secret: a value that a user gives is never shown; the default is no secret.
    ///   - help: one sentence.
    package init(
        _ name: String, _ kind: ValueKind<Value>, default defaultValue: Value, environment: String? = nil,
        key: String? = nil, placeholder: String? = nil, group: String = "Options", secret: Bool = false, help: String
    ) {
        self.init(
            name: name, shape: .single, placeholder: placeholder ?? kind.placeholder, form: kind.form,
            defaultText: kind.show(defaultValue), defaultValue: defaultValue, environment: environment, key: key,
            group: group, secret: secret, help: help,
            read: { texts throws(BadValue) in try kind.read(texts.last ?? "") })
    }

    /// A setting that may have no value, which is its default.
    ///
    /// With `bare`, the option may stand alone and then means that text: `--watch` for `--watch 2s`.
    package init<Wrapped>(
        optional name: String, _ kind: ValueKind<Wrapped>, bare: String? = nil, environment: String? = nil,
        key: String? = nil, placeholder: String? = nil, group: String = "Options", secret: Bool = false, help: String
    ) where Value == Wrapped? {
        self.init(
            name: name, shape: .single, placeholder: placeholder ?? kind.placeholder, form: kind.form,
            defaultText: nil, defaultValue: nil, environment: environment, key: key, group: group, secret: secret,
            help: help, bareText: bare, read: { texts throws(BadValue) in try kind.read(texts.last ?? "") })
    }

    /// A setting that may be given several times; separated by commas in the environment, an array in the file.
    package init<Element>(
        repeated name: String, _ kind: ValueKind<Element>, environment: String? = nil, key: String? = nil,
        placeholder: String? = nil, group: String = "Options", help: String
    ) where Value == [Element] {
        self.init(
            name: name, shape: .repeated, placeholder: placeholder ?? kind.placeholder, form: kind.form,
            defaultText: nil, defaultValue: [], environment: environment, key: key, group: group, secret: false,
            help: help,
            read: { texts throws(BadValue) in
                var values: [Element] = []
                for text in texts { values.append(try kind.read(text)) }
                return values
            })
    }
}

extension Setting where Value == Bool {
    /// A switch that is off unless given: `--name`, or `--name=false` to overrule the environment.
    package init(
        flag name: String, environment: String? = nil, key: String? = nil, group: String = "Options", help: String
    ) {
        self.init(
            name: name, shape: .flag, placeholder: "", form: .bool, defaultText: nil, defaultValue: false,
            environment: environment, key: key, group: group, secret: false, help: help,
            read: { texts throws(BadValue) in try ValueKind<Bool>.bool.read(texts.last ?? "") })
    }
}

extension ValueKind {
    fileprivate var form: SettingDeclaration.Form {
        switch fileForm {
        case .string: .string
        case .number: .number
        case .stringOrNumber: .stringOrNumber
        case .bool: .bool
        }
    }
}

/// What all settings have, whatever their type.
package struct SettingDeclaration: Sendable {
    enum Shape: Sendable { case single, repeated, flag }
    enum Form: Sendable { case string, number, stringOrNumber, bool }

    /// The option without its dashes.
    package let name: String
    let shape: Shape
    /// What the option means where no value follows it; nil where one must.
    let bareText: String?
    let placeholder: String
    let form: Form
    let defaultText: String?
    let defaultValue: any Sendable
    let environment: String?
    let key: String?
    let group: String
    let isSecret: Bool
    let help: String
    let read: @Sendable ([String]) throws(BadValue) -> any Sendable

    /// The value of `texts`, or a sentence that says what was expected and, unless it is a secret, what was found.
    func value(of texts: [String]) -> Result<any Sendable, Rejection> {
        do {
            return .success(try read(texts))
        } catch {
            let found = texts.count == 1 && !isSecret ? ", found '\(texts[0])'" : ""
            return .failure(Rejection(message: "expected \(error.expected)\(found)"))
        }
    }

    struct Rejection: Error { let message: String }

    /// What the configuration file holds for this setting, as the texts that the command line would have.
    func texts(of value: JSON5Value) -> Result<[String], Rejection> {
        let values = shape == .repeated ? value.elements ?? [value] : [value]
        var texts: [String] = []
        for value in values {
            switch (value.content, form) {
            case (.string(let text), .string), (.string(let text), .stringOrNumber): texts.append(text)
            case (.number(_, let literal), .number), (.number(_, let literal), .stringOrNumber): texts.append(literal)
            case (.bool(let flag), .bool): texts.append(flag ? "true" : "false")
            default:
                let expected =
                    switch form {
                    case .string: "a string in quotes"
                    case .number: "a number"
                    case .stringOrNumber: "a number, or a string in quotes"
                    case .bool: "true or false"
                    }
                return .failure(Rejection(message: "expected \(expected), found \(value.kindName)"))
            }
        }
        return .success(texts)
    }
}
