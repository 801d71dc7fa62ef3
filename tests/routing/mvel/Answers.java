import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Base64;
import java.util.HashMap;
import java.util.Map;
import org.mvel2.MVEL;
import org.mvel2.ParserConfiguration;
import org.mvel2.ParserContext;

/** Answers what MVEL makes of texts: a line of base64 in, a line out, `=` and base64, or `!` when it failed. */
public class Answers {
    public static void main(String[] arguments) throws Exception {
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
        String line;
        while ((line = in.readLine()) != null) {
            String text = new String(Base64.getDecoder().decode(line), StandardCharsets.UTF_8);
            try {
                byte[] answer = shown(run(text)).getBytes(StandardCharsets.UTF_8);
                out.println("=" + Base64.getEncoder().encodeToString(answer));
            } catch (Throwable failure) {
                out.println("!");
            }
        }
    }

    private static Object run(String text) {
        ParserConfiguration configuration = new ParserConfiguration();
        configuration.addPackageImport("java.util");
        Class<?>[] classes = {
            Boolean.class, Double.class, Integer.class, Long.class, Math.class, Number.class, String.class,
            StringBuffer.class, StringBuilder.class
        };
        for (Class<?> each : classes) {
            configuration.addImport(each.getSimpleName(), each);
        }
        Map<String, Object> variables = new HashMap<>();
        variables.put("state", new HashMap<>());
        variables.put("result", new HashMap<>());
        return MVEL.executeExpression(MVEL.compileExpression(text, new ParserContext(configuration)), variables);
    }

    private static String shown(Object value) {
        return value instanceof Object[] ? Arrays.toString((Object[]) value) : String.valueOf(value);
    }
}
