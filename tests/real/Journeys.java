// What a Java program does with Trino, through the JDBC driver. Run as: java -cp trino-jdbc.jar Journeys.java URL JOURNEY
// Prints what it saw, a line each; any failure ends it with a stack trace and exit code 1.

import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;

public class Journeys
{
    private static final String BIG = "SELECT * FROM tpch.sf1.lineitem LIMIT 200000";

    public static void main(String[] arguments)
            throws SQLException
    {
        try (Connection connection = DriverManager.getConnection(arguments[0])) {
            switch (arguments[1]) {
                case "select" -> select(connection);
                case "prepared" -> prepared(connection);
                case "transaction" -> transaction(connection);
                case "cancel" -> cancel(connection);
                case "big" -> big(connection);
                default -> throw new IllegalArgumentException(arguments[1]);
            }
        }
        // After spooled results the driver's idle threads would keep the program alive for another minute.
        System.exit(0);
    }

    private static void select(Connection connection)
            throws SQLException
    {
        try (Statement statement = connection.createStatement();
                ResultSet rows = statement.executeQuery("SELECT name FROM nation WHERE nationkey < 3 ORDER BY nationkey")) {
            print(rows);
        }
    }

    private static void prepared(Connection connection)
            throws SQLException
    {
        try (PreparedStatement statement = connection.prepareStatement("SELECT name FROM nation WHERE nationkey = ?")) {
            for (long key : new long[] {3, 24}) {
                statement.setLong(1, key);
                try (ResultSet rows = statement.executeQuery()) {
                    print(rows);
                }
            }
        }
    }

    private static void transaction(Connection connection)
            throws SQLException
    {
        connection.setAutoCommit(false);
        select(connection);
        connection.commit();
        select(connection);
        connection.rollback();
    }

    private static void cancel(Connection connection)
            throws SQLException
    {
        try (Statement statement = connection.createStatement()) {
            ResultSet rows = statement.executeQuery(BIG);
            rows.next();
            statement.cancel();
            try {
                while (rows.next()) {
                    // what had arrived before the cancel
                }
                System.out.println("read to the end");
            }
            catch (SQLException expected) {
                System.out.println("cancelled");
            }
        }
    }

    private static void big(Connection connection)
            throws SQLException
    {
        long count = 0;
        try (Statement statement = connection.createStatement();
                ResultSet rows = statement.executeQuery(BIG)) {
            while (rows.next()) {
                count++;
            }
        }
        System.out.println(count);
    }

    private static void print(ResultSet rows)
            throws SQLException
    {
        while (rows.next()) {
            System.out.println(rows.getString(1));
        }
    }
}
