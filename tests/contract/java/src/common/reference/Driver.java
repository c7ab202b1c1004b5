package reference;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.Map;

/**
 * Drives the reference clients: one request a line on standard input, one answer a line on output.
 * A request is {"op", "url", "token", "args"}; beat, idleBeat, run, kill and log go to an executor,
 * registry, registryRemove and callback to an Admin.
 */
public final class Driver {
    public static void main(String[] unused) throws Exception {
        Gson gson = new GsonBuilder().serializeNulls().create();
        PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
        var in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            out.println(gson.toJson(answer(JsonParser.parseString(line).getAsJsonObject())));
        }
    }

    private static Object answer(JsonObject asked) {
        try {
            String url = asked.get("url").getAsString();
            Clients clients = new Clients(url, asked.get("token").getAsString());
            return clients.call(asked.get("op").getAsString(), asked.get("args"));
        } catch (RuntimeException thrown) { // as the 3.3+ clients do where the older answer 500
            return Map.of("code", 0, "thrown", thrown.toString());
        }
    }
}
