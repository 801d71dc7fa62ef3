// Says what Trino's own parser makes of SQL statements: one line in, one line of JSON out. oracle.py starts it.
//
// In:  the statement, the default catalog and the default schema, in base64, with tabs between; "-" is no default.
// Out: {"error": …} for what cannot be parsed, else class, type, names (or why they cannot be completed), and kill id.

import io.trino.sql.parser.SqlParser;
import io.trino.sql.tree.*;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.util.Base64;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;

import static java.nio.charset.StandardCharsets.UTF_8;

public class Oracle
{
    private static final SqlParser PARSER = new SqlParser();
    // Deeply nested statements need it: Trino's parser descends once per level.
    private static final long STACK_BYTES = 1L << 28;

    private static final Map<String, String> TYPES = types();

    public static void main(String[] arguments)
            throws InterruptedException
    {
        Thread answering = new Thread(null, Oracle::answerAll, "answering", STACK_BYTES);
        answering.start();
        answering.join();
    }

    private static void answerAll()
    {
        PrintStream answers = new PrintStream(System.out, false, UTF_8);
        try (BufferedReader questions = new BufferedReader(new InputStreamReader(System.in, UTF_8))) {
            for (String line = questions.readLine(); line != null; line = questions.readLine()) {
                String[] fields = line.split("\t");
                answers.println(answer(text(fields[0]).orElse(""), text(fields[1]), text(fields[2])));
                if (!questions.ready()) {
                    answers.flush();
                }
            }
        }
        catch (IOException gone) {
            System.err.println(gone);
        }
        answers.flush();
    }

    private static Optional<String> text(String field)
    {
        return field.equals("-") ? Optional.empty() : Optional.of(new String(Base64.getDecoder().decode(field), UTF_8));
    }

    private static String answer(String sql, Optional<String> catalog, Optional<String> schema)
    {
        Statement statement;
        Statement inside;
        try {
            Statement written = PARSER.createStatement(sql);
            statement = executed(written);
            // Read once: an EXECUTE IMMEDIATE inside of another one stays what it is. Nobody would run it.
            inside = statement == written ? executed(innermost(statement)) : innermost(statement);
        }
        catch (RuntimeException | StackOverflowError refused) {
            // Not always its ParsingException: some texts that the grammar takes break the making of nodes.
            return "{\"error\": " + quoted(refused.toString()) + "}";
        }
        String start = "{\"class\": " + quoted(statement.getClass().getSimpleName())
                + ", \"type\": " + quoted(type(statement, inside));
        Names names = new Names(catalog, schema);
        try {
            if (!isExecute(inside)) {
                names.walk(inside, Set.of());
            }
        }
        catch (Incomplete incomplete) {
            return start + ", \"incomplete\": " + quoted(incomplete.getMessage()) + "}";
        }
        return start
                + ", \"tables\": " + names.tables.stream().map(Oracle::quoted).collect(Collectors.joining(", ", "[", "]"))
                + ", \"catalogs\": " + quoted(names.catalogs)
                + ", \"schemas\": " + quoted(names.schemas)
                + ", \"catalog_schemas\": " + quoted(names.catalogSchemas)
                + ", \"kills\": " + names.kills.map(Oracle::quoted).orElse("null") + "}";
    }

    private static String quoted(String value)
    {
        StringBuilder out = new StringBuilder("\"");
        for (char letter : value.toCharArray()) {
            if (letter < ' ' || letter > '~' || letter == '"' || letter == '\\') {
                out.append(String.format("\\u%04x", (int) letter));
            }
            else {
                out.append(letter);
            }
        }
        return out.append('"').toString();
    }

    private static String quoted(Collection<String> values)
    {
        return values.stream().map(Oracle::quoted).collect(Collectors.joining(", ", "[", "]"));
    }

    private static Statement executed(Statement statement)
    {
        return statement instanceof ExecuteImmediate immediate
                ? PARSER.createStatement(immediate.getStatement().getValue())
                : statement;
    }

    private static Statement innermost(Statement statement)
    {
        return switch (statement) {
            case Explain explain -> innermost(explain.getStatement());
            case ExplainAnalyze explain -> innermost(explain.getStatement());
            case Prepare prepare -> innermost(prepare.getStatement());
            default -> statement;
        };
    }

    private static boolean isExecute(Statement statement)
    {
        return statement instanceof Execute || statement instanceof ExecuteImmediate;
    }

    private static String type(Statement statement, Statement inside)
    {
        if (statement instanceof ExplainAnalyze explain) {
            Statement explained = explain.getStatement();
            return type(explained instanceof ExecuteImmediate ? inside : explained, inside);
        }
        // Nobody knows what it executes.
        return isExecute(statement) ? "" : TYPES.getOrDefault(statement.getClass().getSimpleName(), "UNKNOWN");
    }

    private static Map<String, String> types()
    {
        Map<String, List<String>> classes = Map.of(
                "SELECT", List.of("Query"),
                "EXPLAIN", List.of("Explain"),
                "ALTER_TABLE_EXECUTE", List.of("TableExecute"),
                "UPDATE", List.of("Update"),
                "DELETE", List.of("Delete"),
                "MERGE", List.of("Merge"),
                "ANALYZE", List.of("Analyze"),
                "INSERT", List.of("CreateTableAsSelect", "RefreshMaterializedView", "Insert"),
                "DESCRIBE", List.of(
                        "DescribeInput", "DescribeOutput", "ShowBranches", "ShowCatalogs", "ShowColumns", "ShowCreate",
                        "ShowFunctions", "ShowGrants", "ShowRoleGrants", "ShowRoles", "ShowSchemas", "ShowSession", "ShowStats",
                        "ShowTables"),
                "DATA_DEFINITION", List.of(
                        "AddColumn", "Call", "Comment", "Commit", "CreateBranch", "CreateCatalog", "CreateFunction",
                        "CreateMaterializedView", "CreateRole", "CreateSchema", "CreateTable", "CreateView", "Deallocate", "Deny",
                        "DropBranch", "DropCatalog", "DropColumn", "DropDefaultValue", "DropFunction", "DropMaterializedView",
                        "DropNotNullConstraint", "DropRole", "DropSchema", "DropTable", "DropView", "FastForwardBranch", "Grant",
                        "GrantRoles", "Prepare", "RefreshView", "RenameColumn", "RenameMaterializedView", "RenameSchema",
                        "RenameTable", "RenameView", "ResetSession", "ResetSessionAuthorization", "Revoke", "RevokeRoles",
                        "Rollback", "SetAuthorizationStatement", "SetColumnType", "SetDefaultValue", "SetPath", "SetProperties",
                        "SetRole", "SetSession", "SetSessionAuthorization", "SetTimeZone", "StartTransaction", "TruncateTable",
                        "Use"));
        return classes.entrySet().stream()
                .flatMap(entry -> entry.getValue().stream().map(name -> Map.entry(name, entry.getKey())))
                .collect(Collectors.toMap(Map.Entry::getKey, Map.Entry::getValue));
    }

    private static String lower(String name)
    {
        return name.toLowerCase(Locale.ENGLISH);
    }

    /** A name lacks a part that the session does not give, or has too many; or a query to kill is not named by a literal. */
    private static class Incomplete
            extends RuntimeException
    {
        Incomplete(String why)
        {
            super(why);
        }
    }

    /** The names in one statement, completed by the session's defaults. */
    private static class Names
    {
        final Set<List<String>> tables = new HashSet<>();
        final TreeSet<String> catalogs = new TreeSet<>();
        final TreeSet<String> schemas = new TreeSet<>();
        final TreeSet<String> catalogSchemas = new TreeSet<>();
        Optional<String> kills = Optional.empty();

        private final Optional<String> catalog;
        private final Optional<String> schema;

        Names(Optional<String> catalog, Optional<String> schema)
        {
            this.catalog = catalog.map(Oracle::lower);
            this.schema = schema.map(Oracle::lower);
        }

        /** Visits a node and all below it; `visible` are the names of WITH that hide tables there. */
        void walk(Node node, Set<String> visible)
        {
            if (node instanceof Query query) {
                walkQuery(query, visible);
                return;
            }
            note(node, visible);
            for (Node child : node.getChildren()) {
                walk(child, visible);
            }
            untold(node).forEach(child -> walk(child, visible));
        }

        /** What Trino's nodes hold and do not call their children. */
        private static Stream<? extends Node> untold(Node node)
        {
            return switch (node) {
                case GroupingSets grouping -> grouping.getSets().stream().flatMap(List::stream);
                case SetProperties set -> set.getProperties().stream();
                default -> Stream.empty();
            };
        }

        private void walkQuery(Query query, Set<String> outside)
        {
            Set<String> inside = query.getWith().map(with -> walkWith(with, outside)).orElse(outside);
            for (Node child : query.getChildren()) {
                if (child instanceof FunctionSpecification || child instanceof SessionProperty) {
                    walk(child, outside);
                }
                else if (!(child instanceof With)) {
                    walk(child, inside);
                }
            }
        }

        private Set<String> walkWith(With with, Set<String> outside)
        {
            Set<String> inside = new HashSet<>(outside);
            for (WithQuery named : with.getQueries()) {
                String name = lower(named.getName().getValue());
                Set<String> within = new HashSet<>(inside);
                if (with.isRecursive()) {
                    within.add(name);
                }
                walk(named.getQuery(), within);
                inside.add(name);
            }
            return inside;
        }

        private void note(Node node, Set<String> visible)
        {
            switch (node) {
                case Table table -> {
                    if (table.getName().getParts().size() > 1 || !visible.contains(lower(table.getName().getSuffix()))) {
                        addTable(table.getName());
                    }
                }
                case TableFunctionInvocation function -> addTable(function.getName());
                case Call call -> kills = killed(call);
                case RenameTable rename -> addRenamed(rename.getSource(), rename.getTarget());
                case RenameView rename -> addRenamed(rename.getSource(), rename.getTarget());
                case RenameMaterializedView rename -> {
                    addTable(rename.getSource());
                    addTable(rename.getTarget());
                }
                case Comment comment -> {
                    if (comment.getType() == Comment.Type.COLUMN) {
                        comment.getName().getPrefix().ifPresent(this::addTable);
                    }
                    else {
                        addTable(comment.getName());
                    }
                }
                case CreateCatalog create -> catalogs.add(create.getCatalogName().getValue());
                case DropCatalog drop -> catalogs.add(drop.getCatalogName().getValue());
                case CreateSchema create -> addSchema(create.getSchemaName());
                case DropSchema drop -> addSchema(drop.getSchemaName());
                case RenameSchema rename -> {
                    addSchema(rename.getSource());
                    List<String> source = rename.getSource().getParts();
                    addSchema(source.size() == 1 ? needed(catalog) : source.getFirst(), rename.getTarget().getValue());
                }
                case ShowSchemas show -> catalogs.add(
                        show.getCatalog().map(name -> lower(name.getValue())).orElseGet(() -> needed(catalog)));
                case ShowTables show -> show.getSchema()
                        .ifPresentOrElse(this::addSchema, () -> addSchema(needed(catalog), needed(schema)));
                case ShowCreate show -> {
                    if (show.getType() == ShowCreate.Type.SCHEMA) {
                        addSchema(show.getName());
                    }
                    else {
                        addTable(show.getName());
                    }
                }
                case SetAuthorizationStatement set -> {
                    switch (set.getOwnedEntityKind().toUpperCase(Locale.ENGLISH)) {
                        case "SCHEMA" -> addSchema(set.getSource());
                        case "TABLE", "VIEW", "MATERIALIZED VIEW" -> addTable(set.getSource());
                        // The grammar takes any word, such as CATALOG; what it owns is no table.
                        default -> {}
                    }
                }
                default -> named(node).ifPresent(this::addTable);
            }
        }

        /** The table that a statement names outside of any node of its own. */
        private static Optional<QualifiedName> named(Node node)
        {
            return Optional.ofNullable(switch (node) {
                case AddColumn add -> add.getName();
                case Analyze analyze -> analyze.getTableName();
                case CreateBranch create -> create.getTableName();
                case CreateMaterializedView create -> create.getName();
                case CreateTable create -> create.getName();
                case CreateTableAsSelect create -> create.getName();
                case CreateView create -> create.getName();
                case DropBranch drop -> drop.getTableName();
                case DropColumn drop -> drop.getTable();
                case DropDefaultValue drop -> drop.getTableName();
                case DropMaterializedView drop -> drop.getName();
                case DropNotNullConstraint drop -> drop.getTable();
                case DropTable drop -> drop.getTableName();
                case DropView drop -> drop.getName();
                case FastForwardBranch forward -> forward.getTableName();
                case Insert insert -> insert.getTarget();
                case RefreshMaterializedView refresh -> refresh.getName();
                case RefreshView refresh -> refresh.getName();
                case RenameColumn rename -> rename.getTable();
                case SetColumnType set -> set.getTableName();
                case SetDefaultValue set -> set.getTableName();
                case SetProperties set -> set.getName();
                case ShowBranches show -> show.getTableName();
                case ShowColumns show -> show.getTable();
                case TableExecute execute -> execute.getTable().getName();
                case TruncateTable truncate -> truncate.getTableName();
                case Update update -> update.getTable().getName();
                default -> null;
            });
        }

        private void addTable(QualifiedName name)
        {
            addTable(complete(name));
        }

        private void addTable(List<String> parts)
        {
            tables.add(parts);
            addSchema(parts.get(0), parts.get(1));
        }

        /** The new name of a table or view, which lives where the old one did unless it says otherwise. */
        private void addRenamed(QualifiedName source, QualifiedName target)
        {
            List<String> old = complete(source);
            addTable(old);
            addTable(new Names(Optional.of(old.get(0)), Optional.of(old.get(1))).complete(target));
        }

        private void addSchema(QualifiedName name)
        {
            List<String> parts = name.getParts();
            switch (parts.size()) {
                case 1 -> addSchema(needed(catalog), parts.get(0));
                case 2 -> addSchema(parts.get(0), parts.get(1));
                default -> throw new Incomplete("no schema's name: " + name);
            }
        }

        private void addSchema(String inCatalog, String name)
        {
            catalogs.add(lower(inCatalog));
            schemas.add(lower(name));
            catalogSchemas.add(lower(inCatalog + "." + name));
        }

        private List<String> complete(QualifiedName name)
        {
            List<String> parts = name.getParts().stream().map(Oracle::lower).toList();
            return switch (parts.size()) {
                case 1 -> List.of(needed(catalog), needed(schema), parts.get(0));
                case 2 -> List.of(needed(catalog), parts.get(0), parts.get(1));
                case 3 -> parts;
                default -> throw new Incomplete("no table's name: " + name);
            };
        }

        private static String needed(Optional<String> part)
        {
            return part.orElseThrow(() -> new Incomplete("a name lacks its catalog or schema, and the session has none"));
        }

        private Optional<String> killed(Call call)
        {
            List<String> name;
            try {
                name = complete(call.getName());
            }
            catch (Incomplete other) {
                return Optional.empty();
            }
            if (!name.equals(List.of("system", "runtime", "kill_query"))) {
                return Optional.empty();
            }
            List<CallArgument> arguments = call.getArguments();
            return arguments.stream()
                    .filter(argument -> argument.getName().map(given -> lower(given.getValue()).equals("query_id")).orElse(false))
                    .findFirst()
                    .or(() -> arguments.stream().filter(argument -> argument.getName().isEmpty()).findFirst())
                    .map(CallArgument::getValue)
                    .filter(StringLiteral.class::isInstance)
                    .map(value -> ((StringLiteral) value).getValue())
                    .or(() -> {
                        // Upstream has no properties at all then. Trino would run it, so nobody may take it for well understood.
                        throw new Incomplete("the query that kill_query names is no string literal");
                    });
        }
    }
}
